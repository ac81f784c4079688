import heap, numpy as np, time, sys
from heap import *
# endgame: if all remaining literals of the heap fit one table, one table
def layer2(W, theta=None, least=2, K=4, sharefn=share):
    N,I=W.shape
    g=Graph(I,K)
    rows={}; const=[0]*N
    for j in range(N):
        for i in range(I):
            w=int(W[j,i]); c=0
            while w:
                if w&1:
                    d=2-(w&3); w-=d
                    rows.setdefault((j,c),{})[i]=int(d<0)
                    if d<0: const[j]-=1<<c
                w>>=1; c+=1
    sh,n=sharefn(g,rows,least)
    mid=len(g.nodes); outs=[]; st=[]
    for j in range(N):
        lo=int(W[j][W[j]<0].sum()); hi=int(W[j][W[j]>0].sum())
        if theta is not None:
            th=int(theta[j]); B=max(th-lo, hi-th+1); k=max(B-1,0).bit_length()
            cst=const[j]-th+(1<<k); width=k+1
        else:
            cst=const[j]; width=max((hi).bit_length()+1,(-lo-1).bit_length()+1 if lo<0 else 1)
        cst%=1<<width
        coded=[]; plain_c=[]; res=[]
        cols={c:[s*2+inv for s,inv in rows.get((j,c),{}).items()]+list(sh.get((j,c-1),[])) for c in range(width)}
        for c in range(width):
            pl=cols[c]+plain_c
            kl=[p for p in pl if isinstance(p,tuple)]; pl=[p for p in pl if not isinstance(p,tuple)]
            cst+= sum(p[1] for p in kl)<<c; cst%=1<<width; cc=cst>>c&1
            # endgame
            rest=[(l,cc2) for cc2 in range(c+1,width) for l in cols[cc2]]
            sig={l>>1 for l in pl}|{x>>1 for p in coded for x in p}|{l>>1 for l,_ in rest if not isinstance(l,tuple)}
            if theta is not None and len(sig)<=K and sig and not any(isinstance(l,tuple) for l,_ in rest):
                sg=sorted(sig)
                def fn(*v):
                    val=dict(zip(sg,v)); f=lambda l: val[l>>1]^(l&1)
                    tot=(cst>>c<<c)+sum(f(l)<<c for l in pl)+sum((f(u)+(f(u)^f(q)))<<c for u,q in coded)+sum(f(l)<<cc2 for l,cc2 in rest)
                    return tot>>(width-1)&1
                res.append(g.lut(fn,[s*2 for s in sg])); break
            s,cy=column(g,pl,coded,cc,c==width-1,theta is None)
            res.append(s)
            plain_c,coded=realise(g,cy) if c<width-1 else ([],[])
        outs.append(res if theta is None else [res[-1]])
    return g,outs,mid
if __name__=="__main__":
    rng=np.random.default_rng(1)
    nets={"dense":rng.choice([-1,0,1],p=[.25,.5,.25],size=(64,64)),
                   "readout":rng.choice([-1,0,1],p=[.3,.4,.3],size=(10,64))}
    for name,W in nets.items():
        th=rng.integers(-2,4,size=len(W)) if name!="readout" else None
        g,outs,mid=layer2(W,th,2); check(W,th,g,outs)
        flat=[l for o in outs for l in o]
        print(name,len(g.live(flat)),mid)
