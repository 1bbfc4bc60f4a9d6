package format

// MaxHeadDim is the widest attention head that the kernels are written for, and so that
// of the models that can be read.
const MaxHeadDim = 256
