import numpy as np, time
from amaranth.sim import Simulator
from amaranth.back import rtlil
from rtl_gen.unrolled.tables import Tables
from rtl_gen.unrolled.sums import Sums
from rtl_gen.unrolled.pipeline import Pipeline
rng=np.random.default_rng(3)
W=rng.integers(-3,4,(6,20)); th=rng.integers(-2,3,6)
t=Tables(20,4); S=Sums(t,[t.input(i) for i in range(20)],W,th)
outs=[s.outputs[-1] for s in S.sums]
p=Pipeline(t,outs,2); print(p.latency)
X=rng.integers(0,2,(200,20)); want=(X@W.T>=th).astype(int)
got=[]
async def bench(ctx):
    for k in range(200+p.latency):
        if k<200: ctx.set(p.i,int(''.join(map(str,X[k][::-1])),2))
        await ctx.tick()
        got.append(int(ctx.get(p.o)))
sim=Simulator(p); sim.add_clock(1e-6); sim.add_testbench(bench); sim.run()
g=np.array([[v>>j&1 for j in range(6)] for v in got[p.latency-1:p.latency-1+200]])
print((g==want).all())
for name in ("dense","sparse"):
    d=np.load(f"/tmp/proto/{name}.npz"); W,th=d['W1'],d['th']
    t=Tables(W.shape[1],4); S=Sums(t,[t.input(i) for i in range(W.shape[1])],W,th)
    outs=[s.outputs[-1] for s in S.sums]
    for depth in (1,2,3,4):
        p=Pipeline(t,outs,depth); live=t.live(outs)
        # registers
        last={}
        for of in live:
            for s in t.table(of).inputs: last[s]=max(last.get(s,0),p.stage(of))
        for l in outs: last[l>>1]=p.latency-1
        regs=sum(last[s]-p.stage(s) for s in last)+len(outs)
        print(name,"depth",depth,"latency",p.latency,"luts",len(live),"registers",regs)
