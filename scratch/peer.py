"""Write peers' Verilog of a net: peer.py NET.npz OUT PEER OPTIONS"""
import sys, numpy as np, time, json
net, out, peer, opt = sys.argv[1:5]
d=np.load(net); W1,th,W2=d['W1'].astype(float),d['th'],d['W2'].astype(float)
opts=json.loads(opt)
t0=time.time()
if peer=='alkaid':
    from alkaid.trace import FVArrayInput, HWConfig, trace
    from alkaid.trace.ops import quantize
    from alkaid.codegen import RTLModel
    so=opts.get('solver',None)
    inp=FVArrayInput(W1.shape[1], HWConfig(1,-1,-1), so)
    x=quantize(inp,0,1,0)
    u=x@W1.T
    s=u>=th
    v=quantize(s,0,1,0)@W2.T if False else s@W2.T
    comb=trace(inp,v)
    m=RTLModel(comb,out,'peer',latency_cutoff=opts.get('latency',-1))
    m.write()
else:
    from da4ml.trace import FixedVariableArrayInput, HWConfig, comb_trace
    from da4ml.trace.ops import quantize
    from da4ml.codegen import RTLModel
    inp=FixedVariableArrayInput(W1.shape[1], HWConfig(1,-1,-1), opts.get('solver'))
    x=quantize(inp,0,1,0)
    u=x@W1.T
    s=(u>=th)
    v=s@W2.T
    comb=comb_trace(inp,v)
    m=RTLModel(comb,'peer',out,latency_cutoff=opts.get('latency',-1))
    m.write()
print(peer,opts,"seconds %.2f"%(time.time()-t0), comb.cost if hasattr(comb,'cost') else '')
