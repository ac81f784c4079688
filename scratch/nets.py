import numpy as np
rng=np.random.default_rng(1)
def save(name,W1,W2): np.savez(f"/tmp/proto/{name}.npz",W1=W1,th=rng.integers(-2,4,size=len(W1)),W2=W2)
save("dense",rng.choice([-1,0,1],p=[.25,.5,.25],size=(64,64)),rng.choice([-1,0,1],p=[.3,.4,.3],size=(10,64)))
save("sparse",rng.choice([-1,0,1],p=[.04,.92,.04],size=(64,784)),rng.choice([-1,0,1],p=[.32,.36,.32],size=(10,64)))
save("four",rng.integers(-7,8,size=(32,64)),rng.integers(-7,8,size=(10,32)))
