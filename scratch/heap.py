"""Prototype: shared full adders, then columns of 4-input tables."""
import numpy as np, time, sys
from itertools import product

class Graph:
    """LUT graph; literal = 2*id + inverted; ids 0..n-1 are inputs."""
    def __init__(g, n, k=4):
        g.n=n; g.k=k; g.nodes=[]; g.cache={}
    def lut(g, fn, lits):
        # fn over values of lits; drop duplicates & normalise
        sigs=sorted({l>>1 for l in lits})
        assert len(sigs)<=g.k, (len(sigs))
        t=0
        for m in range(1<<len(sigs)):
            val={s:(m>>i)&1 for i,s in enumerate(sigs)}
            if fn(*[val[l>>1]^(l&1) for l in lits]): t|=1<<m
        full=(1<<(1<<len(sigs)))-1
        inv=t&1
        if inv: t^=full
        if t==0: return ('const',inv)
        # drop inputs that don't matter
        keep=[]
        for i in range(len(sigs)):
            lo=[m for m in range(1<<len(sigs)) if not m>>i&1]
            if any((t>>m&1)!=(t>>(m|1<<i)&1) for m in lo): keep.append(i)
        if len(keep)<len(sigs):
            tt=0
            for m in range(1<<len(keep)):
                mm=sum(1<<keep[i] for i in range(len(keep)) if m>>i&1)
                if t>>mm&1: tt|=1<<m
            t=tt; sigs=[sigs[i] for i in keep]
        if len(sigs)==1: return sigs[0]*2+inv   # t==2 → identity
        key=(tuple(sigs),t)
        if key not in g.cache:
            g.cache[key]=g.n+len(g.nodes); g.nodes.append(key)
        return g.cache[key]*2+inv
    def simulate(g, X):  # X: samples x n bool
        v=list(X.T.astype(np.uint8))
        for sigs,t in g.nodes:
            idx=np.zeros(len(X),np.int64)
            for i,s in enumerate(sigs): idx|=v[s].astype(np.int64)<<i
            tab=np.array([(t>>m)&1 for m in range(1<<len(sigs))],np.uint8)
            v.append(tab[idx])
        return v
    def live(g, outs):
        need=set(); st=[l>>1 for l in outs if not isinstance(l,tuple)]
        while st:
            s=st.pop()
            if s<g.n or s in need: continue
            need.add(s); st+=g.nodes[s-g.n][0]
        return need
    def depth(g, outs):
        d=[0]*g.n
        for sigs,t in g.nodes: d.append(1+max(d[s] for s in sigs))
        return max((d[l>>1] for l in outs if not isinstance(l,tuple)),default=0)

XOR=lambda *v: sum(v)&1
MAJ=lambda a,b,c: (a+b+c)>>1

def share(g, rows, least=2, price=1.5, verbose=False):
    """rows: dict (neuron,col)-> {sig: inverted}; replaces triples in place; carries appended to rows (new dict)."""
    keys=list(rows); R=len(keys)
    sigs=sorted({s for r in keys for s in rows[r]})
    V=len(sigs); cap=V*3+64
    M=np.zeros((cap,R),np.float32); G=np.zeros((cap,R),np.int8); ids=list(sigs)
    at={s:i for i,s in enumerate(sigs)}
    for r,k in enumerate(keys):
        for s,inv in rows[k].items(): M[at[s],r]=1; G[at[s],r]=inv
    P=M@M.T; np.fill_diagonal(P,0)
    carries={k:[] for k in keys}
    n=0
    while True:
        best=0; bt=None
        nv=len(ids)
        if nv+1>=cap: break
        Pn=P[:nv,:nv]
        colmax=Pn.max(1)
        flat=np.argsort(-Pn,axis=None,kind='stable')
        # iterate pairs by descending count
        vals=Pn.ravel()
        for f in flat:
            if vals[f]<=best or vals[f]<least: break
            a,b=divmod(int(f),nv)
            if a>=b: continue
            both=M[a]*M[b]
            tri=M[:nv]@both
            tri[a]=tri[b]=0
            c=int(tri.argmax())
            if tri[c]>best: best=tri[c]; bt=(a,b,c)
        if best<least: break
        a,b,c=sorted(bt)
        mem=np.nonzero(M[a]*M[b]*M[c])[0]
        S=None
        for r in mem:
            lits=[ids[i]*2+int(G[i,r]) for i in (a,b,c)]
            s=g.lut(XOR,lits); cy=g.lut(MAJ,lits)
            carries[keys[r]].append(cy)
            sid=s>>1
            if S is None:
                S=len(ids) if sid not in at else at[sid]
                if sid not in at: at[sid]=S; ids.append(sid)
            G[S,r]=s&1
        M[a,mem]=0;M[b,mem]=0;M[c,mem]=0
        M[S,mem]=1
        for i in (a,b,c,S):
            row=M[:len(ids)]@M[i]; row[i]=0
            P[:0]
            if P.shape[0]<cap:
                Q=np.zeros((cap,cap),np.float32); Q[:P.shape[0],:P.shape[1]]=P; P=Q
            P[i,:len(ids)]=row; P[:len(ids),i]=row
        n+=len(mem)
    for r,k in enumerate(keys):
        rows[k]={ids[i]:int(G[i,r]) for i in np.nonzero(M[:len(ids),r])[0]}
    return carries,n

def column(g, plain, coded, const, top, need_sum):
    """One column: literals, coded pairs (u,q=u^v), constant bit.
    Returns (sum literal or None, carries: list of ('f',fn,lits) thunks)"""
    # carries as descriptors: (fn, lits) so that the next column can ask for u or u^v
    plain=list(plain); carries=[]
    def desc(fn,lits): carries.append((fn,tuple(lits)))
    if top:
        lits=plain+[q for u,q in coded]
        while len(lits)>1:
            take,lits=lits[:g.k],lits[g.k:]
            lits=[*lits, g.lut(XOR,take)]
        if not lits: return ('const',const&1), []
        l=lits[0]
        return (('const',l[1]^const) if isinstance(l,tuple) else l^const), []
    coded=list(coded)
    if not plain and not coded: 
        return ('const',const), []
    m=len(plain)+2*len(coded)
    if not plain:
        # break one pair: v = u^q
        u,q=coded.pop(); v=g.lut(XOR,[u,q]); plain=[u,v]
    t=plain.pop(0)
    # make units
    units=[]
    units+= [('c',u,q) for u,q in coded]
    if len(plain)%2==1:
        last=plain.pop()
    else: last=None
    pl=[('p',plain[i],plain[i+1]) for i in range(0,len(plain),2)]
    # order: coded+plain alternate
    seq=[]
    c=units; p=pl
    while c or p:
        if c and p: seq.append([c.pop(),p.pop()])
        elif c: seq.append([c.pop() for _ in range(min(3,len(c)))])
        else: seq.append([p.pop() for _ in range(min(3,len(p)))])
    total=len(seq)
    for gi,grp in enumerate(seq):
        lastgrp = gi==total-1 and last is None and not need_sum and not const
        kinds=''.join(x[0] for x in grp)
        if kinds in('cp','pc'):
            _,u,q=grp[0]; _,x,y=grp[1]
            desc(lambda t,u,q: t if q else u,(t,u,q))
            if lastgrp:
                desc(lambda t,q,x,y: MAJ(t^q,x,y),(t,q,x,y)); t=None
            else:
                t2=g.lut(XOR,[t,q,x,y])
                desc(lambda s,x,y: MAJ(s^x^y,x,y),(t2,x,y)); t=t2
        elif kinds[0]=='c':
            us=[x[1] for x in grp]; qs=[x[2] for x in grp]
            desc(lambda t,u,q: t if q else u,(t,us[0],qs[0]))
            if len(grp)>1:
                if lastgrp and len(grp)==2:
                    desc(lambda t,q0,u,q: t^q0 if q else u,(t,qs[0],us[1],qs[1])); t=None; continue
                if len(grp)==2:
                    t2=g.lut(XOR,[t]+qs)
                    desc(lambda s,u,q: s^q if q else u,(t2,us[1],qs[1])); t=t2; continue
                t2=g.lut(XOR,[t]+qs)
                desc(lambda t,q0,u,q: t^q0 if q else u,(t,qs[0],us[1],qs[1]))
                desc(lambda s,u,q: s^q if q else u,(t2,us[2],qs[2])); t=t2
            else:
                t = None if lastgrp else g.lut(XOR,[t]+qs)
        else:
            xs=[(x[1],x[2]) for x in grp]
            desc(MAJ,(t,)+xs[0])
            if len(grp)==1:
                t=None if lastgrp else g.lut(XOR,(t,)+xs[0])
            else:
                t1=g.lut(XOR,(t,)+xs[0]+xs[1][:1])
                desc(lambda s,x,y: MAJ(s^x,x,y),(t1,)+xs[1])
                if len(grp)==2:
                    t=None if lastgrp else g.lut(XOR,(t1,xs[1][1]))
                else:
                    if lastgrp:
                        desc(lambda s,y1,x,y: MAJ(s^y1,x,y),(t1,xs[1][1])+xs[2]); t=None
                    else:
                        t2=g.lut(XOR,(t1,xs[1][1])+xs[2])
                        desc(lambda s,x,y: MAJ(s^x^y,x,y),(t2,)+xs[2]); t=t2
    if last is not None:
        if const:
            desc(lambda a,b: a|b,(t,last)); 
            t=g.lut(lambda a,b: 1^a^b,(t,last)) if need_sum else None
        else:
            desc(lambda a,b: a&b,(t,last)); t=g.lut(XOR,(t,last)) if need_sum else None
    elif const:
        desc(lambda a:a,(t,)); t=t^1
    return t, carries

def realise(g, carries):
    """All carries: as many coded pairs as there are 3-input ones."""
    three=[c for c in carries if 1<len({l>>1 for l in c[1]})<=g.k-1]; other=[c for c in carries if c not in three]
    plain=[];coded=[]
    other_l=[g.lut(f,l) for f,l in other]
    while three:
        if other_l: u=other_l.pop()
        elif len(three)>=2:
            f,l=three.pop(0); u=g.lut(f,l)
        else:
            f,l=three.pop(); plain.append(g.lut(f,l)); break
        f,l=three.pop()
        if isinstance(u,tuple): plain.append(u); three.append((f,l)); continue
        q=g.lut(lambda *v: f(*v[:-1])^v[-1], (*l,u))if len({x>>1 for x in l}|{u>>1})<=g.k else None
        if isinstance(q,tuple) or q is None: plain+= [u,g.lut(f,l)]
        else: coded.append((u,q))
    return plain+other_l, coded

def layer(W, theta=None, least=2, K=4, verbose=False):
    N,I=W.shape
    g=Graph(I,K)
    rows={}; const=[0]*N; multi={}
    for j in range(N):
        for i in range(I):
            w=int(W[j,i]); c=0
            # CSD
            while w:
                if w&1:
                    d=2-(w&3); w-=d
                    rows.setdefault((j,c),{})[i]=int(d<0)
                    if d<0: const[j]-=1<<c
                w>>=1; c+=1
    sh,n=share(g,rows,least)
    if verbose: print("shared FAs",n,"luts",len(g.nodes))
    mid=len(g.nodes)
    outs=[]
    for j in range(N):
        lo=int(W[j][W[j]<0].sum()); hi=int(W[j][W[j]>0].sum())
        if theta is not None:
            th=int(theta[j])
            B=max(th-lo, hi-th+1); k=max(B-1,0).bit_length()
            # total=u-th+2^k in [0,2^(k+1))
            cst=const[j]-th+(1<<k); width=k+1
        else:
            cst=const[j]; width=max((hi).bit_length()+1,(-lo-1).bit_length()+1 if lo<0 else 1)
            k=None
        cst%=1<<width
        extra={c:[] for c in range(width+1)}
        coded=[]; plain_c=[]
        res=[]
        for c in range(width):
            pl=[s*2+inv for s,inv in rows.get((j,c),{}).items()]+sh.get((j,c-1),[])+plain_c
            cc=cst>>c&1
            # constants among plain
            kl=[p for p in pl if isinstance(p,tuple)]; pl=[p for p in pl if not isinstance(p,tuple)]
            add=sum(p[1] for p in kl)
            cst+= add<<c; cst%=1<<width; cc=cst>>c&1
            s,cy=column(g,pl,coded,cc,c==width-1,theta is None)
            res.append(s)
            plain_c,coded=realise(g,cy) if c<width-1 else ([],[])
        outs.append(res if theta is None else [res[-1]])
    return g,outs,mid

def val(v,l):
    return (np.zeros_like(v[0])+l[1]) if isinstance(l,tuple) else v[l>>1]^(l&1)

def check(W,theta,g,outs,samples=2000,seed=0):
    rng=np.random.default_rng(seed)
    X=rng.random((samples,W.shape[1]))<rng.random((samples,1))
    v=g.simulate(X); u=X.astype(int)@W.T
    for j in range(len(W)):
        if theta is not None:
            assert (val(v,outs[j][0])==(u[:,j]>=theta[j])).all(), j
        else:
            tot=sum(val(v,l).astype(int)<<c for c,l in enumerate(outs[j])); w=len(outs[j])
            tot=np.where(tot>=1<<(w-1),tot-(1<<w),tot)
            assert (tot==u[:,j]).all(), (j,tot[:5],u[:5,j])
if __name__=="__main__":
    rng=np.random.default_rng(1)
    for name,W in {"dense":rng.choice([-1,0,1],p=[.25,.5,.25],size=(64,64)),
                   "readout":rng.choice([-1,0,1],p=[.3,.4,.3],size=(10,64)),
                   "sparse": rng.choice([-1,0,1],p=[.04,.92,.04],size=(64,784)),
                   "4bit": rng.integers(-7,8,size=(32,64))}.items():
        th=rng.integers(-2,4,size=len(W)) if name!="readout" else None
        for least in (2,3,10**6):
            t=time.time()
            g,outs,mid=layer(W,th,least)
            check(W,th,g,outs)
            flat=[l for o in outs for l in o]
            syn=int((W!=0).sum())
            print(name,"least",least,"synapses",syn,"luts",len(g.live(flat)),"shared part",mid,"depth",g.depth(flat),"per synapse %.3f"%(len(g.live(flat))/syn),"s %.1f"%(time.time()-t),flush=True)
