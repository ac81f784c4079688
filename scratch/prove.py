import numpy as np, sys, time
from collections import Counter
from rtl_gen.unrolled.tables import Tables, signal
from rtl_gen.unrolled.sums import Sums
from rtl_gen.unrolled.proof import holds, form, add, assignments
def prove(t,S,W,th):
    big=0
    for j,s in enumerate(S.sums):
        f=Counter()
        for i,w in enumerate(W[j].tolist()): add(f,t.input(i),w)
        f[0]+=s.constant
        for ident,k in s.uses:
            for sig,c in S.ledger.identities[ident].terms: f[sig]-=k*c
        n=len(s.outputs)-1
        for c,l in enumerate(s.outputs[:-1]): add(f,l,-(1<<c))
        left={k:v for k,v in f.items() if v}
        assert all(v%(1<<n)==0 for k,v in left.items()), (j,left,n)
        left={k:v for k,v in left.items() if k==0 or v%(2*((1<<n) if th is None else s.constant+int(th[j])))}
        sig=sorted(s.cut); big=max(big,len(sig)); terms=sorted(set(left)-{0})
        lo=int(W[j][W[j]<0].sum()); hi=int(W[j][W[j]>0].sum())
        if th is None:
            top=1<<n; assert -top<=lo and hi<top
        else:
            top=s.constant+int(th[j]); assert top&(top-1)==0 and top>=1<<n
            assert 0<=lo+s.constant and hi+s.constant<2*top
        vals,mask=assignments(sig); 
        out=t.evaluate(vals,signal(s.outputs[-1]),mask)^(mask if s.outputs[-1]&1 else 0) if s.outputs[-1]>1 else (mask if s.outputs[-1] else 0)
        tv={x:t.evaluate(vals,x,mask) for x in terms}
        for m in range(1<<len(sig)):
            tot=left.get(0,0)+sum(left[x] for x in terms if tv[x]>>m&1)
            assert (tot//top)&1==out>>m&1,(j,)
    return big
if __name__=="__main__":
  K=int(sys.argv.pop(1))
  for name in sys.argv[1:] or ("dense","sparse","four"):
    d=np.load(f"/tmp/proto/{name}.npz")
    for W,th in ((d['W1'],d['th']),(d['W2'],None)):
        t=Tables(W.shape[1],K); S=Sums(t,[t.input(i) for i in range(W.shape[1])],W,th); t0=time.time()
        assert all(holds(t,i) for i in S.ledger.identities)
        print(name,"largest end",prove(t,S,W,th),"s %.1f"%(time.time()-t0))
