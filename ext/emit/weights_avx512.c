/* weights_avx512.c - the weights of an AVX-512 unit, in the order of their use. */
#include "emit/unit_avx512.h"

enum { WEIGHTS_PER_STEP = 255 };

void wb_unit_append(wb_unit_state *s, float value) {
    s->weight_at += 4;
    if (s->stream->at == s->stream->end) {
        s->stream->overflow = 1;
        return;
    }
    *s->stream->at++ = value;
}

int32_t wb_unit_push(wb_unit_state *s, float value) {
    if (s->weight_at > 4 * 127) {
        wb_add_imm(s->code, WB_RSI, 4 * WEIGHTS_PER_STEP);
        s->weight_at -= 4 * WEIGHTS_PER_STEP;
    }
    int32_t at = s->weight_at;
    wb_unit_append(s, value);
    return at;
}
