"""An ONNX file becomes the engine's graph; torch is not needed."""
