/* cmd/config_words.h - the configuration's words out of all modules' tables, for help and
 * reference.
 */
#ifndef WEND_CMD_CONFIG_WORDS_H
#define WEND_CMD_CONFIG_WORDS_H

#include "edge/module.h"
#include "edge/variable.h"

#include <stdio.h>

/* Entry `index` over all modules, in their order; NULL beyond the last. */
const struct wend_directive *wend_config_directive(size_t index,
                                                   const struct wend_edge_module **module);
const struct wend_variable_row *wend_config_variable(size_t index,
                                                     const struct wend_edge_module **module);

/* "http, server, location" and "1", "1 or more", "0 to 2", "a block". */
void wend_config_write_contexts(const struct wend_directive *row, FILE *to);
void wend_config_write_arguments(const struct wend_directive *row, FILE *to);

/* docs/reference/directives.md. */
void wend_config_write_reference(FILE *to);

#endif
