/* Takes every place in the table of readers of the LMDB environment in a directory, says how many
 * it took, and keeps them until it is killed. */
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int count, char **arguments)
{
    MDB_env *env;
    MDB_txn *transaction;
    int taken = 0, code = count == 2 ? mdb_env_create(&env) : EXIT_FAILURE;
    if (code == 0)
        code = mdb_env_open(env, arguments[1], MDB_NOTLS, 0600);
    while (code == 0 && (code = mdb_txn_begin(env, NULL, MDB_RDONLY, &transaction)) == 0)
        taken++;
    if (code != MDB_READERS_FULL) {
        fprintf(stderr, "readers: %s\n", mdb_strerror(code));
        return 1;
    }
    printf("%d\n", taken);
    fflush(stdout);
    pause();
}
