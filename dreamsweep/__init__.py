"""What a store holds, in Python: for notebooks, and for programs of your own.

    import dreamsweep

    store = dreamsweep.open_store()
    unit = dreamsweep.find_unit(store, "Conv2D_2/3")
    unit.oips       # float32 [OIPs, height, width, channels], as the network takes them
    unit.images     # the same as pictures

Nothing here writes to the store, and only `load_model` imports TensorFlow. Networks are swept, and pictures dreamed, by
the command line or by flows.
"""

from dreamsweep.dreams import DreamedPicture, list_dreams
from dreamsweep.origins import caption, lineage
from dreamsweep.stores import Store, list_models, list_runs, load_model, open_store
from dreamsweep.units import Exemplars, StoredUnit, find_unit, list_units
from lib.errors import BadInput
from storage.errors import StoreError

__all__ = [
    "BadInput",
    "DreamedPicture",
    "Exemplars",
    "Store",
    "StoreError",
    "StoredUnit",
    "caption",
    "find_unit",
    "lineage",
    "list_dreams",
    "list_models",
    "list_runs",
    "list_units",
    "load_model",
    "open_store",
]
