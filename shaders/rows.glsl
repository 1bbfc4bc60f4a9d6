// Row is a token of a step: 16 bytes. The decode rows live on the device from step to step;
// advance.comp writes the next token and position.
// export
struct Row {
    uint token;
    uint position; // in its sequence, from 0
    uint sequence; // index of its page table, history and sampling parameters
    uint step;     // tokens sampled so far; selects the slot of the ring
};
// IdleStep is the Step of a row that only fills up a decode step. Kernels compute it like any
// other, in a sequence that is nobody's, but it never advances.
// export
const uint IDLE = 0xffffffffu;
