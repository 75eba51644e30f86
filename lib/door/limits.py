"""What a file that a user names may ask for, in one place. Whatever asks for more is refused before it gets it."""

KB, MB, GB = 1 << 10, 1 << 20, 1 << 30

MOST_FILE = 64 * GB
"""Of a whole file. The largest data sets and networks that are used have a few; a sparse file claims any number."""

MOST_DIRECTORY = 1 * MB
"""Of the list of a zip's members, which is read whole: 10,000 of them and more. A network has 3, a file of arrays as
many as it has arrays."""

MOST_UNPACKED = 64 * GB
"""Of everything in a zip archive or a gzip stream together."""

FREELY_UNPACKED, MOST_EXPANSION = 64 * MB, 100
"""From the first number of bytes on, what is unpacked may be at most so many times what is packed: pictures, labels
and weights get 2 to 20 times smaller, and what a bomb is made of up to `DEFLATED` times."""
DEFLATED = 1032

MOST_STREAMS = 100_000
"""Of gzip streams one behind the other in a file. Tools that pack in pieces write one for each 64 KB or more."""

MOST_JSON = 8 * MB
"""Of a text of JSON, which takes up to 25 times as much memory when it is parsed. The descriptions of the largest
networks of Keras have 1 to 2."""

DEEPEST_JSON = 100
"""Of lists in lists: a model in a model in a model has about 12 for each. Python gives up at a thousand."""

MOST_JSON_PARTS = 500_000
"""Of objects and lists in a text of JSON. Networks of a thousand layers have 50,000."""

MOST_HDF5_OBJECTS = 25_000
"""Of groups, arrays and attributes in a file of HDF5. A network of a thousand layers has 5,000."""

MOST_HDF5_LOOK = 64 * MB
"""Of bytes that are read to know what a file of HDF5 holds, before any array is."""

MOST_HDF5_PIECE = 16 * MB
"""Of bytes that HDF5 reads at once meanwhile: what it reads, it holds in memory."""

MOST_TEXTS = 256 * MB
"""Of the texts of one attribute of HDF5, if each were as long as all that may be written of it: many may be one."""

DEEPEST_HDF5 = 100
"""Of groups in groups. A model in a model has about 5 for each."""

MOST_CHUNK = 256 * MB
"""Of one chunk of an array, which HDF5 unpacks whole. 1 MB is usual; what writes an array as a single chunk has as
many as the array."""

LONGEST_NAME = 255
"""Of letters of a layer, an array or a member: the store, its pages and HDF5's tools show them whole."""
