import numpy as np
from rtl_gen.unrolled.tables import Tables
from rtl_gen.unrolled.sums import Sums
from rtl_gen.unrolled.proof import holds
d=np.load("/tmp/proto/dense.npz"); W,th=d['W1'],d['th']
t=Tables(64,4); S=Sums(t,[t.input(i) for i in range(64)],W,th)
for i in S.ledger.identities:
    if not holds(t,i):
        print(i)
        seen=set(); todo=[s for s,_ in i.terms]
        while todo:
            s=todo.pop()
            if s in seen or s==0: continue
            seen.add(s)
            if s in i.cut: print(s,"cut"); continue
            print(s, t.table(s) if s>64 else "input!"); 
            if s>64: todo+=t.table(s).inputs
        print()
