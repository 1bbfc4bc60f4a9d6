package serve

import "net/http"

// What stands here is the least that the rest needs, until it comes with files of its own: each takes
// its part out of here.

// pageHandler answers GET / and /page/….
func pageHandler() http.Handler { return http.NotFoundHandler() }
