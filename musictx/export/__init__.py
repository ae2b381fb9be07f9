"""Models for other hosts.

=============  ==================================================================
`web_model`    one file that the browser's engine plays (``musictx site``)
`onnx_model`   an ONNX graph for programs of other kinds (``musictx export``)
`repository`   a model's repository for the Hugging Face Hub (``musictx publish``)
`hub`          models from the Hub and to it (`MusicTransformer.from_pretrained`)
`space`        the web demo as a Space there (``musictx space``)
=============  ==================================================================
"""
