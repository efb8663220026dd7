/* tests/fuzz/replay.c - runs a fuzz target over every file of the directories it is given, where
 * there is no libFuzzer. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define INPUT_MAX (1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes;
    size_t len;

    if (file == NULL) {
        perror(path);
        return 1;
    }
    /* Exactly as long as the input, so that a sanitizer sees a read past its end. */
    bytes = malloc(INPUT_MAX);
    len = bytes == NULL ? 0 : fread(bytes, 1, INPUT_MAX, file);
    fclose(file);
    bytes = realloc(bytes, len == 0 ? 1 : len);
    LLVMFuzzerTestOneInput(bytes, len);
    free(bytes);
    return 0;
}

static int replay_directory(const char *directory)
{
    DIR *handle = opendir(directory);
    const struct dirent *found;
    char path[4096];
    int failed = 0, count = 0;

    if (handle == NULL) {
        perror(directory);
        return 1;
    }
    for (found = readdir(handle); found != NULL; found = readdir(handle)) {
        if (found->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", directory, found->d_name);
        failed |= replay_file(path);
        count++;
    }
    closedir(handle);
    printf("%s: %d inputs\n", directory, count);
    return failed;
}

int main(int argc, char **argv)
{
    int failed = 0;

    for (int i = 1; i < argc; i++)
        failed |= replay_directory(argv[i]);
    return failed;
}
