import numpy as np, time
import heap; from heap import *
from v3 import make
def column6(g, lits, const, need_sum):
    """(sum literal or const, mids, tops); constant folds into the last group"""
    lits=list(lits); mids=[]; tops=[]
    bit=lambda k,c: (lambda *v: (sum(v)+c)>>k&1)
    while len(lits)+const>1:
        n=len(lits); take=min(6,n)
        # a group of even inputs without const: prefer odd counts unless exact
        last = n<=6
        if not last: grp,lits=lits[:6],lits[6:]; c=0
        else:
            c=const
            if n==4 and not c: # FA then HA
                grp,lits=lits[:3],lits[3:]
            else: grp,lits=lits,[]
        k=len(grp)+c
        final = not lits
        s=g.lut(bit(0,c),grp) if (need_sum or not final) else None
        if k>=2: mids.append(g.lut(bit(1,c),grp))
        if k>=4: tops.append(g.lut(bit(2,c),grp))
        if c: const=0
        if final: return s,mids,tops
        lits.insert(0,s) if False else lits.append(s)
    if lits: return (lits[0]),mids,tops
    return ('const',const),mids,tops
def layer6(W, theta=None, sharefn=None, K=6):
    N,I=W.shape; g=Graph(I,K); rows={}; const=[0]*N
    for j in range(N):
        for i in range(I):
            w=int(W[j,i]); c=0
            while w:
                if w&1:
                    d=2-(w&3); w-=d
                    rows.setdefault((j,c),{})[i]=int(d<0)
                    if d<0: const[j]-=1<<c
                w>>=1; c+=1
    sh,n=sharefn(g,rows,2) if sharefn else ({},0)
    mid=len(g.nodes); outs=[]
    for j in range(N):
        lo=int(W[j][W[j]<0].sum()); hi=int(W[j][W[j]>0].sum())
        if theta is not None:
            th=int(theta[j]); B=max(th-lo, hi-th+1); k=max(B-1,0).bit_length()
            cst=const[j]-th+(1<<k); width=k+1
        else:
            cst=const[j]; width=max((hi).bit_length()+1,(-lo-1).bit_length()+1 if lo<0 else 1)
        cst%=1<<width
        cols={c:[s*2+inv for s,inv in rows.get((j,c),{}).items()]+list(sh.get((j,c-1),[])) for c in range(width+3)}
        res=[]
        for c in range(width):
            kl=[p for p in cols[c] if isinstance(p,tuple)]; pl=[p for p in cols[c] if not isinstance(p,tuple)]
            cst+=sum(p[1] for p in kl)<<c; cst%=1<<width
            rest=[(l,cc) for cc in range(c+1,width) for l in cols[cc]]
            sig={l>>1 for l in pl}|{l>>1 for l,_ in rest if not isinstance(l,tuple)}
            if theta is not None and 0<len(sig)<=K and not any(isinstance(l,tuple) for l,_ in rest):
                sg=sorted(sig)
                def fn(*v):
                    val=dict(zip(sg,v)); f=lambda l: val[l>>1]^(l&1)
                    return ((cst>>c<<c)+sum(f(l)<<c for l in pl)+sum(f(l)<<cc for l,cc in rest))>>(width-1)&1
                res.append(g.lut(fn,[s*2 for s in sg])); break
            if c==width-1:
                lits=pl
                while len(lits)>1: lits=[*lits[K:],g.lut(XOR,lits[:K])]
                b=cst>>c&1
                res.append(('const',b) if not lits else (('const',lits[0][1]^b) if isinstance(lits[0],tuple) else lits[0]^b)); break
            s,m,t=column6(g,pl,cst>>c&1,theta is None)
            res.append(s); cols[c+1]+=m; cols[c+2]+=t
        outs.append(res if theta is None else [res[-1]])
    return g,outs,mid
if __name__=="__main__":
    for name in ("dense","sparse","four"):
        d=np.load(f"/tmp/proto/{name}.npz"); tot={}
        for label,sf in (("none",None),("shared",dict(beta=1,pool=8,price=1.0,least=3))):
            n=0
            for W,th in ((d['W1'],d['th']),(d['W2'],None)):
                t=time.time()
                g,outs,mid=layer6(W,th,make(**sf) if sf else None); check(W,th,g,outs,300)
                n+=len(g.live([l for o in outs for l in o]))
            print(name,"K6",label,n,"%.1f s"%(time.time()-t),flush=True)
        from v2 import layer2
        for label,sf in (("shared",dict(beta=1,pool=8)),):
            n=0
            for W,th in ((d['W1'],d['th']),(d['W2'],None)):
                t=time.time()
                g,outs,mid=layer2(W,th,2,sharefn=make(**sf)); check(W,th,g,outs,300)
                k=len(g.live([l for o in outs for l in o])); n+=k
            print(name,"K4",label,n,flush=True)
