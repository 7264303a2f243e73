/*
 * The table of readers of the LMDB environment in a directory:
 *
 *     readers DIRECTORY        takes every place, says how many, and keeps them until it is killed
 *     readers DIRECTORY list   the processes that have a place, one a line
 */
#include <lmdb.h>
#include <stdio.h>
#include <unistd.h>

static int print_process(const char *line, void *closure)
{
    int process;
    (void)closure;
    return sscanf(line, "%d", &process) == 1 ? printf("%d\n", process) < 0 : 0;
}

static int fill(MDB_env *env)
{
    MDB_txn *transaction;
    int taken = 0, code;
    while ((code = mdb_txn_begin(env, NULL, MDB_RDONLY, &transaction)) == 0)
        taken++;
    if (code != MDB_READERS_FULL)
        return code;
    printf("%d\n", taken);
    fflush(stdout);
    return pause();
}

int main(int count, char **arguments)
{
    MDB_env *env;
    int code = mdb_env_create(&env);
    if (code == 0)
        code = mdb_env_open(env, arguments[1], MDB_NOTLS, 0600);
    if (code == 0)
        code = count > 2 ? mdb_reader_list(env, print_process, NULL) : fill(env);
    if (code < 0)
        fprintf(stderr, "readers: %s\n", mdb_strerror(code));
    return code < 0;
}
