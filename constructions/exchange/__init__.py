"""Networks and properties in files of others: ONNX, VNN-LIB, and VNN-COMP's witnesses."""
