"""Nets: trunks, branches, RAZNet, and the functions that build them with or without weights."""

from raz.models.builders import raznet_lite, raznet_lite_2, raznet_vgg16
from raz.models.complexity import Complexity, complexity
from raz.models.pretrained import (
    RAZNetLite2Weights,
    RAZNetLiteWeights,
    RAZNetVGG16Weights,
    WeightsEnum,
)
from raz.models.raznet import RAZNet
from raz.models.registry import get_model, get_model_weights, list_models, register_model
from raz.models.transforms import UnitRange
from raz.models.weights import load_backbone, load_weights, save_weights
from raz.network import OperatingPoint

__all__ = [
    "Complexity",
    "OperatingPoint",
    "RAZNet",
    "RAZNetLite2Weights",
    "RAZNetLiteWeights",
    "RAZNetVGG16Weights",
    "UnitRange",
    "WeightsEnum",
    "complexity",
    "get_model",
    "get_model_weights",
    "list_models",
    "load_backbone",
    "load_weights",
    "raznet_lite",
    "raznet_lite_2",
    "raznet_vgg16",
    "register_model",
    "save_weights",
]
