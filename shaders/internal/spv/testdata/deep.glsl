const float TWO = 2.0;
