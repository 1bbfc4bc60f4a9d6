// Package spv knows what belongs to committed SPIR-V: which compiler made it
// (Compiler, Flags), from which sources (SourceHash, Manifest), and what is in
// it (Module: entry point, descriptors, push constants, specialization
// constants). The program that compiles the kernels and the tests of package
// shaders use it; nothing that is shipped does.
package spv
