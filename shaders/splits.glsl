// How a sequence is shared among workgroups. The includer has push constants split and
// max_splits above this.

// Positions of each split of a sequence of so many: push.split, doubled until max_splits are
// enough. It depends on the sequence's own length alone, so that its numbers do.
uint split_positions(uint length) {
    uint positions = push.split;
    while (positions * push.max_splits < length) positions *= 2u;
    return positions;
}
