/*
 * judges JUDGE.so JUDGE.so STEP…: two judges (judge.h) in one process, each an extension on a
 * libcurl of its own, as interpreters load them. The first, the second, then both at the same time
 * do the steps.
 *
 * judges --in-turn JUDGE.so JUDGE.so STEP…: each is unloaded before the other is loaded, in its
 * place. Status 77: it was loaded in another.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int judge_function(FILE *out, int count, char **arguments);

struct judge {
    void *library;
    judge_function *act;
    int count;
    char **arguments; /* the first of them is a program's name */
    char *text;
    size_t size;
    pthread_t thread;
};

static void *act(void *closure)
{
    struct judge *judge = closure;
    FILE *out = open_memstream(&judge->text, &judge->size);
    judge->act(out, judge->count, judge->arguments);
    fclose(out);
    return NULL;
}

static void show(struct judge *judge)
{
    fwrite(judge->text, 1, judge->size, stdout);
    free(judge->text);
}

static struct judge load(const char *name, int count, char **arguments)
{
    /* Nobody else sees its symbols, nor those of its libcurl. */
    void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    judge_function *found = library ? (judge_function *)dlsym(library, "judge_main") : NULL;
    if (!found) {
        fprintf(stderr, "%s\n", dlerror());
        exit(1);
    }
    return (struct judge){.library = library, .act = found, .count = count, .arguments = arguments};
}

static int act_in_turn(int count, char **arguments)
{
    enum { TURNS = 4, ELSEWHERE = 77 };
    judge_function *place = NULL;
    for (int i = 0; i < TURNS; i++) {
        struct judge judge = load(arguments[i % 2], count - 1, arguments + 1);
        if (place && judge.act != place)
            return ELSEWHERE;
        place = judge.act;
        act(&judge);
        show(&judge);
        dlclose(judge.library);
    }
    return 0;
}

int main(int count, char **arguments)
{
    if (count < 4)
        return 2;
    if (strcmp(arguments[1], "--in-turn") == 0)
        return act_in_turn(count - 2, arguments + 2);
    struct judge first = load(arguments[1], count - 2, arguments + 2);
    struct judge second = load(arguments[2], count - 2, arguments + 2);
    act(&first);
    show(&first);
    act(&second);
    show(&second);
    if (pthread_create(&first.thread, NULL, act, &first) != 0 ||
        pthread_create(&second.thread, NULL, act, &second) != 0)
        return 1;
    pthread_join(first.thread, NULL);
    pthread_join(second.thread, NULL);
    show(&first);
    show(&second);
    return 0;
}
