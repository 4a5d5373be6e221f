"""The kernels themselves. Nothing outside `journeykit.kernels` imports them."""
