"""SSDLite with MobileNetV2: a TensorFlow graph with its weights, as a PyTorch network."""
