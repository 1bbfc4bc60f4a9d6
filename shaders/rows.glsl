// Row is a token of a step: 16 bytes. The decode rows live on the device from step to step;
// advance.comp writes the next token and position.
// export
struct Row {
    uint token;
    uint position; // in its sequence, from 0
    uint sequence; // index of its page table, history and sampling parameters
    uint step;     // tokens sampled so far; selects the slot of the ring
};
