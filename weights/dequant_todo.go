package weights

func dequantizeQ4_1(dst []float32, src []byte) { panic("todo") }
func dequantizeQ5_0(dst []float32, src []byte) { panic("todo") }
func dequantizeQ5_1(dst []float32, src []byte) { panic("todo") }
func dequantizeQ2_K(dst []float32, src []byte) { panic("todo") }
func dequantizeQ3_K(dst []float32, src []byte) { panic("todo") }
func dequantizeQ5_K(dst []float32, src []byte) { panic("todo") }

func (t *Tensor) checkFinite(data, scales, biases []byte, first int) error {
	return CheckFinite(t, data, first*(t.Cols/t.Type.BlockValues()))
}

func (t *Tensor) dequantize(dst []float32, data, scales, biases []byte) error {
	return Dequantize(dst, t.Type, data)
}
