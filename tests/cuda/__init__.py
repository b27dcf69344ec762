"""Tests on a device; they need PyTorch with CUDA: make test-cuda."""
