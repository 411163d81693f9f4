// Neighbours in memory that a thread loads or stores together: 16 bytes are the most that one instruction moves, and must begin at a multiple of 16.
#pragma once

template <class T, int N = 16 / sizeof(T)> struct alignas(N * sizeof(T) < 16 ? N * sizeof(T) : 16) Pack { T of[N]; };
