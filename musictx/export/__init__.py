"""Models for other hosts.

=============  ==================================================================
`onnx_model`   an ONNX graph for programs of other kinds (``musictx export``)
`repository`   a model's repository for the Hugging Face Hub (``musictx publish``)
`hub`          models from the Hub and to it (`MusicTransformer.from_pretrained`)
=============  ==================================================================
"""
