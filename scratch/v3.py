import numpy as np, time, sys
import heap; from heap import *; from v2 import layer2
def make(alpha=1.0, beta=0.0, pool=1, least=2, seed=0, price=1.5):
    """greedy with score = price*n - 1 - beta*classes over several candidate triples"""
    rs=np.random.default_rng(seed)
    def sharefn(g, rows, least_):
        keys=list(rows); R=len(keys)
        sigs=sorted({s for r in keys for s in rows[r]})
        cap=len(sigs)*4+64
        M=np.zeros((cap,R),np.float32); G=np.zeros((cap,R),np.int8); ids=list(sigs); at={s:i for i,s in enumerate(sigs)}
        for r,k in enumerate(keys):
            for s,inv in rows[k].items(): M[at[s],r]=1; G[at[s],r]=inv
        P=np.zeros((cap,cap),np.float32); P[:]=M@M.T; np.fill_diagonal(P,0)
        carries={k:[] for k in keys}; n=0
        # carry signals' own rows
        while True:
            nv=len(ids)
            if nv+1>=cap: break
            Pn=np.triu(P[:nv,:nv])
            best=-1e9; bt=None; bn=0
            cand=np.argsort(-Pn,axis=None,kind='stable')[:4000]
            vals=Pn.ravel()
            for f in cand:
                if vals[f]<least: break
                if price*vals[f]-1-beta<=best: break
                a,b=divmod(int(f),nv)
                both=M[a]*M[b]; tri=M[:nv]@both; tri[a]=tri[b]=0
                for c in np.argsort(-tri)[:pool]:
                    m=tri[c]
                    if m<least or price*m-1-beta<=best: break
                    if beta:
                        mem=np.nonzero(both*M[c])[0]
                        cl=len(set(zip((G[a,mem]^G[b,mem]).tolist(),(G[a,mem]^G[c,mem]).tolist())))
                    else: cl=0
                    s=price*m-1-beta*cl+1e-3*rs.random()
                    if s>best: best=s; bt=(a,b,int(c))
            if bt is None: break
            a,b,c=sorted(bt)
            mem=np.nonzero(M[a]*M[b]*M[c])[0]; S=None
            for r in mem:
                lits=[ids[i]*2+int(G[i,r]) for i in (a,b,c)]
                s=g.lut(XOR,lits); cy=g.lut(MAJ,lits); carries[keys[r]].append(cy); sid=s>>1
                if S is None:
                    S=at.get(sid,len(ids))
                    if sid not in at: at[sid]=S; ids.append(sid)
                G[S,r]=s&1
            M[a,mem]=0;M[b,mem]=0;M[c,mem]=0; M[S,mem]=1
            for i in (a,b,c,S):
                row=M[:len(ids)]@M[i]; row[i]=0; P[i,:len(ids)]=row; P[:len(ids),i]=row
            n+=len(mem)
        for r,k in enumerate(keys): rows[k]={ids[i]:int(G[i,r]) for i in np.nonzero(M[:len(ids),r])[0]}
        sharefn.n=n
        # second level: share carries in col+1 (same procedure over carries)
        return carries,n
    return sharefn
if __name__=="__main__":
    rng=np.random.default_rng(1)
    W=rng.choice([-1,0,1],p=[.25,.5,.25],size=(64,64)); th=rng.integers(-2,4,size=64)
    for kw in (dict(),dict(beta=1),dict(beta=1,pool=8),dict(beta=.5,pool=8),dict(beta=2,pool=8),dict(beta=1,pool=8,least=3),dict(beta=0,least=3),dict(beta=0,least=4),dict(beta=0,least=6)):
        t=time.time(); sf=make(**kw)
        g,outs,mid=layer2(W,th,2,sharefn=sf); check(W,th,g,outs,500)
        print(kw, "FAs",sf.n,"luts",mid,"total",len(g.live([l for o in outs for l in o])),"s %.1f"%(time.time()-t),flush=True)
