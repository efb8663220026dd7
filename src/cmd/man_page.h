/* cmd/man_page.h - a command's page of the manual, from the table its options are parsed with.
 *
 * What it promises. mdoc(7) that `mandoc -T lint` has nothing to say against but the date, which
 * tools/install.sh puts in. Pages refer to each other in the sections they are installed in.
 */
#ifndef WEND_CMD_MAN_PAGE_H
#define WEND_CMD_MAN_PAGE_H

#include "cmd/options.h"

#include <stdio.h>

void wend_man_page_write(const struct wend_command *command, FILE *to);

#endif
