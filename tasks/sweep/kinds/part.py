"""What was found of a part of the images of a data set, until that of all of them is put together."""

from tasks.session.kind import ArtifactKind

KIND = ArtifactKind("part", caption="responses to images from {first} to before {last}", noun="parts of the data set")
