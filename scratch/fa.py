"""Greedy sharing of full adders at LUT level: XOR3 by support, MAJ3 by sign class."""
import numpy as np, sys, itertools, time
def popc(a): return np.bitwise_count(a)
def run(W, theta=None, full=False, mode="xor", seed=0, verbose=True):
    # W: neurons x inputs ternary ; returns LUT count
    N, I = W.shape
    rng=np.random.default_rng(seed)
    cols={0:[dict() for _ in range(N)]}   # per neuron: signal-> sign (+1/-1)   (unique per column)
    for j in range(N):
        for i in range(I):
            if W[j,i]: cols[0][j][("x",i)] = int(W[j,i])
    luts=0; stats=[]
    c=0
    nid=itertools.count()
    while c in cols:
        col=cols[c]
        xors=0; majs=0; fas=0
        nxt=[dict() for _ in range(N)]
        while True:
            # signals present
            sig={}
            for j in range(N):
                for s in col[j]: sig.setdefault(s,0); sig[s]|=1<<j
            names=[s for s in sig]
            if max((len(d) for d in col),default=0)<3: break
            masks=np.array([sig[s] for s in names],dtype=np.uint64)
            V=len(names)
            best=0;bt=None
            pairs=masks[:,None]&masks[None,:]
            pc=popc(pairs)
            order=np.argsort(-pc.max(1) if False else -popc(masks))
            for a in range(V):
                row=pairs[a,a+1:]
                # candidates b with pc>best
                cb=np.nonzero(popc(row)>best)[0]+a+1
                if len(cb)<2: continue
                tri=popc(pairs[a,cb][:,None]&masks[cb][None,:])
                iu=np.triu(tri,1)
                m=iu.max()
                if m>best:
                    best=m; x,y=np.unravel_index(iu.argmax(),iu.shape); bt=(a,cb[x],cb[y])
            if best<2: break
            t=[names[k] for k in bt]
            mem=int(masks[bt[0]]&masks[bt[1]]&masks[bt[2]])
            S=("s",next(nid)); classes={}
            for j in range(N):
                if mem>>j&1:
                    sg=[col[j].pop(k) for k in t]
                    col[j][S]=sg[0]*sg[1]*sg[2]
                    key=(sg[0]*sg[1],sg[0]*sg[2])
                    cs=classes.setdefault(key,("c",next(nid)))
                    nxt[j][cs]=sg[0]
                    fas+=1
            xors+=1; majs+=len(classes)
        shared=fas
        # rest unshared
        rest=0
        for j in range(N):
            d=col[j]
            k=len(d)
            while k>=3:
                nxt[j][("c",next(nid))]=1; rest+=1; k-=2
        if shared+rest==0: 
            if all(len(d)==0 for d in nxt): break
        stats.append((c,shared,xors,majs,rest))
        if verbose: print("col",c,"shared FAs",shared,"xors",xors,"majs",majs,"unshared",rest, flush=True)
        luts+=xors+majs+2*rest
        if any(nxt): cols[c+1]=nxt
        c+=1
    return luts,stats
if __name__=="__main__":
    rng=np.random.default_rng(1)
    W=rng.choice([-1,0,1],p=[.25,.5,.25],size=(64,64))
    t=time.time(); l,st=run(W); print(l, time.time()-t)
    print("plain FAs", sum(s[1]+s[4] for s in st), "x2", 2*sum(s[1]+s[4] for s in st))
