import numpy as np
from sixer import *
rng=np.random.default_rng(0)
for n in range(1,14):
    for th in range(-2,5):
        W=rng.choice([-1,1],size=(1,n)); 
        g,o,m=layer6(W,np.array([th]))
        try: check(W,np.array([th]),g,o,200)
        except AssertionError: print("bad",n,th,W); raise SystemExit
