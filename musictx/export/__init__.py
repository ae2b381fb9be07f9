"""Models for other hosts.

=============  ==================================================================
`web_model`    one file that the browser's engine plays (``musictx site``)
`onnx_model`   an ONNX graph for programs of other kinds (``musictx export``)
=============  ==================================================================
"""
