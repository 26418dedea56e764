/* WB_REPEAT(n, X) is X(0) X(1) ... X(n - 1); WB_PAIRS_DOWN(n, X) is X(n - 1, n - 2) ...
 * X(1, 0); WB_PAIRS_UP(n, X) is X(0, 1) ... X(n - 2, n - 1). For accumulators that must
 * be named variables: gcc keeps part of an array of them in memory. */
#ifndef WB_REPEAT_H
#define WB_REPEAT_H

#define WB_REPEAT(n, X) WB_REPEAT_(n, X)
#define WB_REPEAT_(n, X) WB_R##n(X)
#define WB_R1(X) X(0)
#define WB_R2(X) WB_R1(X) X(1)
#define WB_R3(X) WB_R2(X) X(2)
#define WB_R4(X) WB_R3(X) X(3)
#define WB_R5(X) WB_R4(X) X(4)
#define WB_R6(X) WB_R5(X) X(5)
#define WB_R7(X) WB_R6(X) X(6)
#define WB_R8(X) WB_R7(X) X(7)
#define WB_R9(X) WB_R8(X) X(8)
#define WB_R10(X) WB_R9(X) X(9)
#define WB_R11(X) WB_R10(X) X(10)
#define WB_R12(X) WB_R11(X) X(11)
#define WB_R13(X) WB_R12(X) X(12)
#define WB_R14(X) WB_R13(X) X(13)

#define WB_PAIRS_DOWN(n, X) WB_PAIRS_DOWN_(n, X)
#define WB_PAIRS_DOWN_(n, X) WB_D##n(X)
#define WB_D1(X)
#define WB_D2(X) X(1, 0)
#define WB_D3(X) X(2, 1) WB_D2(X)
#define WB_D4(X) X(3, 2) WB_D3(X)
#define WB_D5(X) X(4, 3) WB_D4(X)
#define WB_D6(X) X(5, 4) WB_D5(X)
#define WB_D7(X) X(6, 5) WB_D6(X)
#define WB_D8(X) X(7, 6) WB_D7(X)
#define WB_D9(X) X(8, 7) WB_D8(X)
#define WB_D10(X) X(9, 8) WB_D9(X)
#define WB_D11(X) X(10, 9) WB_D10(X)
#define WB_D12(X) X(11, 10) WB_D11(X)
#define WB_D13(X) X(12, 11) WB_D12(X)
#define WB_D14(X) X(13, 12) WB_D13(X)

#define WB_PAIRS_UP(n, X) WB_PAIRS_UP_(n, X)
#define WB_PAIRS_UP_(n, X) WB_U##n(X)
#define WB_U1(X)
#define WB_U2(X) X(0, 1)
#define WB_U3(X) WB_U2(X) X(1, 2)
#define WB_U4(X) WB_U3(X) X(2, 3)
#define WB_U5(X) WB_U4(X) X(3, 4)
#define WB_U6(X) WB_U5(X) X(4, 5)
#define WB_U7(X) WB_U6(X) X(5, 6)
#define WB_U8(X) WB_U7(X) X(6, 7)
#define WB_U9(X) WB_U8(X) X(7, 8)
#define WB_U10(X) WB_U9(X) X(8, 9)
#define WB_U11(X) WB_U10(X) X(9, 10)
#define WB_U12(X) WB_U11(X) X(10, 11)
#define WB_U13(X) WB_U12(X) X(11, 12)
#define WB_U14(X) WB_U13(X) X(12, 13)

/* {NULL, f1, f2, ...}: functions by their number of vectors. */
#define WB_TABLE3(f) NULL, f##1, f##2, f##3
#define WB_TABLE6(f) WB_TABLE3(f), f##4, f##5, f##6
#define WB_TABLE8(f) WB_TABLE6(f), f##7, f##8
#define WB_TABLE14(f) WB_TABLE8(f), f##9, f##10, f##11, f##12, f##13, f##14

/* The token n - 1. */
#define WB_LAST(n) WB_LAST_(n)
#define WB_LAST_(n) WB_LAST##n
#define WB_LAST1 0
#define WB_LAST2 1
#define WB_LAST3 2
#define WB_LAST4 3
#define WB_LAST5 4
#define WB_LAST6 5
#define WB_LAST7 6
#define WB_LAST8 7
#define WB_LAST9 8
#define WB_LAST10 9
#define WB_LAST11 10
#define WB_LAST12 11
#define WB_LAST13 12
#define WB_LAST14 13

#endif
