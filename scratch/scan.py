import numpy as np, sys, time
from rtl_gen.unrolled.tables import Tables
import rtl_gen.unrolled.sums as sums, rtl_gen.unrolled.sharing as sharing
for name in ("dense","sparse","four"):
    d=np.load(f"/tmp/proto/{name}.npz")
    for price,thirds in ((1.2,8),(1.35,8),(1.5,8),(1.7,8),(2.0,8),(1.5,30)):
        sums.PRICE=price; sharing.THIRDS=thirds; n=0; t0=time.time()
        for W,th in ((d['W1'],d['th']),(d['W2'],None)):
            t=Tables(W.shape[1],4); S=sums.Sums(t,[t.input(i) for i in range(W.shape[1])],W,th)
            n+=len(t.live([l for s in S.sums for l in (s.outputs if th is None else s.outputs[-1:])]))
        print(name,price,thirds,n,"%.1f"%(time.time()-t0),flush=True)
