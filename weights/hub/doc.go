// Package hub keeps models in the standard Hugging Face cache, so that every
// program which knows that cache shares them
// (https://huggingface.co/docs/hub/local-cache):
//
//	{cache}/models--org--repo/blobs/{etag}                 the bytes, once
//	{cache}/models--org--repo/snapshots/{commit}/{file}    a link to a blob
//	{cache}/models--org--repo/refs/{revision}              a commit
//	{cache}/.locks/models--org--repo/{etag}.lock           held while a blob is made
//
// An etag is the SHA-256 of a large file and git's SHA-1 of a small one, so that a
// blob's name proves its bytes. [Hub.Pull] downloads, checks and links what a [Ref]
// asks for, [Hub.Find] finds it without a network, [Hub.List] lists what is there.
//
// While a blob is made it is called {etag}.sealvk.incomplete, has its full size (the
// parts that miss are holes), and {etag}.sealvk.ranges holds how much of each part is
// there. The names differ from huggingface_hub's {etag}.incomplete, which older
// versions of that resume from its end, as if it had no holes.
//
// Reading the source: ref.go (what a user types), choose.go (which files that
// means), cache.go (the layout), find.go, list.go; pull.go (the course of a pull),
// api.go, resolve.go (what the server says), download.go and ranges.go (one file in
// parts, over several connections), http.go and retry.go (one request, and again).
//
// Everything a server says is distrusted: names, commits and etags become paths only
// after a check, sizes are limited, and bytes count only when their hash is right.
package hub
