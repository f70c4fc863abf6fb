"""A soundness benchmark for verifiers: instances whose answers are theorems, proved again on the files themselves."""
