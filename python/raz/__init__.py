"""Recurrent Attentive Zooming (RAZ-Net, CVPR 2019): how many people, and where exactly."""
