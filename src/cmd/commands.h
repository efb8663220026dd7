/* cmd/commands.h - the subcommands: one file each, called by main.c with argv[0] being its name.
 * Each returns the exit status. */
#ifndef WEND_CMD_COMMANDS_H
#define WEND_CMD_COMMANDS_H

int wend_cmd_serve(int argc, char **argv);    /* serve TARGET: a running site */
int wend_cmd_edge(int argc, char **argv);     /* nginx's command line; a link named nginx */
int wend_cmd_app(int argc, char **argv);      /* uWSGI's; a link named uwsgi */
int wend_cmd_app_ini(const char *path);       /* `wend serve uwsgi.ini` */
int wend_cmd_gunicorn(int argc, char **argv); /* a link named gunicorn */
int wend_cmd_get(int argc, char **argv);
int wend_cmd_trace(int argc, char **argv);
int wend_cmd_help(int argc, char **argv);

#endif
