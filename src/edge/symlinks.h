/* edge/symlinks.h - paths with symbolic links in them, for those who do not trust who makes links.
 *
 * What it is for. disable_symlinks: a path is walked component by component, each opened relative
 * to the one before, so that what was checked is what is opened, whoever renames meanwhile.
 *
 * REFUSE refuses every link; OWNER follows a link that belongs to the owner of what it leads to.
 * The first `trusted` bytes of the path are followed as they are. Refused is ELOOP, as from
 * O_NOFOLLOW.
 *
 * What it does not do. openat2(RESOLVE_NO_SYMLINKS) would be one call for REFUSE, but says nothing
 * of owners, and is refused by some seccomp filters: one walk for both is easier to trust.
 */
#ifndef WEND_EDGE_SYMLINKS_H
#define WEND_EDGE_SYMLINKS_H

#include <stdbool.h>
#include <stddef.h>

enum wend_symlinks { WEND_SYMLINKS_FOLLOW, WEND_SYMLINKS_REFUSE, WEND_SYMLINKS_OWNER };

struct wend_symlink_rule {
    enum wend_symlinks mode;
    size_t trusted;
};

/* As open(2) with these flags (O_CLOEXEC is added); -1 and errno. */
int wend_symlinks_open(const char *path, const struct wend_symlink_rule *rule, int flags);

#endif
