import numpy as np, time, sys
from rtl_gen.unrolled.tables import Tables
from rtl_gen.unrolled.sums import Sums
from rtl_gen.unrolled.proof import holds
def evaluate(t, X):
    vals={0:0}; n=len(X); mask=(1<<n)-1
    for i in range(t.inputs):
        vals[1+i]=int.from_bytes(np.packbits(X[:,i].astype(np.uint8),bitorder='little').tobytes(),'little')
    for s in range(1+t.inputs,len(t.levels)): t.evaluate(vals,s,mask)
    def bits(l):
        v=vals[l>>1]^(mask if l&1 else 0)
        return np.unpackbits(np.frombuffer(v.to_bytes((n+7)//8,'little'),np.uint8),bitorder='little')[:n].astype(int)
    return bits
def check(W,th,S,t,n=600,seed=0):
    rng=np.random.default_rng(seed); X=rng.random((n,W.shape[1]))<rng.random((n,1))
    bits=evaluate(t,X); u=X.astype(int)@W.T
    for j,s in enumerate(S.sums):
        if th is not None: assert (bits(s.outputs[-1])==(u[:,j]>=th[j])).all(),j
        else:
            w=len(s.outputs); tot=sum(bits(l)<<c for c,l in enumerate(s.outputs)); tot=np.where(tot>=1<<(w-1),tot-(1<<w),tot)
            assert (tot==u[:,j]).all(),(j,tot[:4],u[:4,j])
if __name__=="__main__":
  K=int(sys.argv.pop(1))
  for name in sys.argv[1:] or ("dense","sparse","four"):
    d=np.load(f"/tmp/proto/{name}.npz"); n=0
    for W,th in ((d['W1'],d['th']),(d['W2'],None)):
        t0=time.time(); t=Tables(W.shape[1],K)
        S=Sums(t,[t.input(i) for i in range(W.shape[1])],W,th)
        t1=time.time(); check(W,th,S,t)
        bad=[i for i in S.ledger.identities if not holds(t,i)]
        out=[l for s in S.sums for l in (s.outputs if th is None else s.outputs[-1:])]; k=len(t.live(out)); n+=k
        print(name,W.shape,k,"depth",max(t.level(l) for l in out),"s %.1f"%(t1-t0),"identities",len(S.ledger.identities),"bad",len(bad),"proof s %.1f"%(time.time()-t1),flush=True)
    print(name,n)
