"""Expensive results on disk, addressed by what they were made from.

An artefact is a folder `<root>/<kind>/<digest>/` with a `manifest.json`; it exists once its
manifest does, is never changed afterwards, and is remade when its content disagrees with the
manifest. Chunked arrays resume after a kill, and of several processes that want the same artefact
one computes while the others wait.
"""
