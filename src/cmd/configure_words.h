/* cmd/configure_words.h - what `-V` says of the modules that are there.
 *
 * What it is for. Scripts read nginx's configure arguments to learn what a server can do. nginx
 * builds some modules unless told --without, others when told --with; here a module counts as there
 * when the directive it is known by has a row that does something. So the words follow the tables.
 */
#ifndef WEND_CMD_CONFIGURE_WORDS_H
#define WEND_CMD_CONFIGURE_WORDS_H

#include <stdio.h>

/* " --with-http_realip_module --without-http_gzip_module ..." */
void wend_configure_words_write(FILE *to);

#endif
