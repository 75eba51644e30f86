"""What was found of a part of the images of a data set, until that of all of them is put together."""

from tasks.session.kind import ArtifactKind

KIND = ArtifactKind("image-part", caption="responses to images {first} to {last}", noun="parts of the data set")
