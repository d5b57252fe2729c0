// A TCP connection of this process to itself.
#pragma once

// Two connected descriptors, closed on exec; 0 or a negative errno.
int LoopbackPair(int pair[2]);
