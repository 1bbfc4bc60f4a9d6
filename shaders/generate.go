package shaders

//go:generate go run ./internal/formats
//go:generate go run ./internal/compile -package shaders
//go:generate go run ./internal/compile -C internal/spv/testdata
//go:generate go run ./internal/compile -C roofline
