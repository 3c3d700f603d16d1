"""Images in, results out: reading images, writing results, drawing them."""
