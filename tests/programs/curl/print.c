/* Text with what differs from run to run left out: see judge.h. */
#include "judge.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The length of what is left out at `text`, and the word for it. */
struct mask {
    size_t size;
    const char *word;
};

static size_t count_while(const char *text, size_t size, int (*is_one)(int))
{
    size_t count = 0;
    while (count < size && is_one((unsigned char)text[count]))
        count++;
    return count;
}

static bool begins_with(const char *text, size_t size, const char *beginning)
{
    return size > strlen(beginning) && strncasecmp(text, beginning, strlen(beginning)) == 0;
}

/* Among others it may stand in any place: who is shown each header apart is shown this one, too. */
static size_t length_size(const char *text, size_t size)
{
    const char *end =
        begins_with(text, size, "\nContent-Length: ") ? memchr(text + 1, '\n', size - 1) : NULL;
    return end ? (size_t)(end - text) : 0;
}

static size_t date_size(const char *text, size_t size)
{
    static const char name[] = "\nDate: ";
    const char *end = begins_with(text, size, name) ? memchr(text + 1, '\r', size - 1) : NULL;
    if (!end)
        return 0;
    char *date = strndup(text + sizeof(name) - 1, (size_t)(end - text) - sizeof(name) + 1);
    if (curl_getdate(date, NULL) < 0)
        judge_fail("no date: %s", date);
    free(date);
    return (size_t)(end - text);
}

/* 2026-11-21T09:00:00.123Z */
static size_t time_size(const char *text, size_t size)
{
    static const char form[] = "dddd-dd-ddTdd:dd:dd";
    size_t at = 0;
    for (; form[at]; at++)
        if (at >= size ||
            (form[at] == 'd' ? !isdigit((unsigned char)text[at]) : text[at] != form[at]))
            return 0;
    while (at < size && (isdigit((unsigned char)text[at]) || text[at] == '.'))
        at++;
    return at < size && text[at] == 'Z' ? at + 1 : 0;
}

static struct mask mask_at(const char *text, size_t size)
{
    size_t found = date_size(text, size);
    if (found > 0)
        return (struct mask){found, "\nDate: (a date)"};
    found = length_size(text, size);
    if (found > 0)
        return (struct mask){found, ""};
    found = time_size(text, size);
    if (found > 0)
        return (struct mask){found, "(a time)"};
    found = count_while(text, size, isxdigit);
    if (found == 40)
        return (struct mask){found, "(a cookie)"};
    if (begins_with(text, size, "<key>"))
        return (struct mask){5 + strcspn(text + 5, "<"), "<key>(a key)"};
    if (begins_with(text, size, "<callCount>"))
        return (struct mask){11 + strcspn(text + 11, "<"), "<callCount>(a count)"};
    if (found > 1) /* not from the middle of a longer one */
        return (struct mask){found, NULL};
    return (struct mask){0};
}

/* The caller frees it. */
static char *masked(const char *text, size_t size, size_t *masked_size)
{
    char *result;
    FILE *out = open_memstream(&result, masked_size);
    /* A header line that comes alone has no line before it. */
    if (begins_with(text, size, "Date:")) {
        fputs("Date: (a date)\r\n", out);
        size_t line = strcspn(text, "\n") + 1;
        text += line;
        size -= line;
    }
    for (size_t i = 0; i < size;) {
        struct mask mask = mask_at(text + i, size - i);
        if (mask.word)
            fputs(mask.word, out);
        else
            fwrite(text + i, 1, mask.size ? mask.size : 1, out);
        i += mask.size ? mask.size : 1;
    }
    fclose(out);
    return result;
}

void print_text(FILE *out, const char *text, size_t size)
{
    size_t masked_size;
    char *shown = masked(text, size, &masked_size);
    for (size_t i = 0; i < masked_size; i++) {
        unsigned char byte = (unsigned char)shown[i];
        if (byte == '\r')
            fputs("\\r", out);
        else if (byte == '\n')
            fputs(i + 1 < masked_size ? "\\n\n    " : "\\n", out);
        else if (byte < ' ')
            fprintf(out, "\\%03o", byte);
        else
            fputc(byte, out);
    }
    fputc('\n', out);
    free(shown);
}

void print_digest(FILE *out, const char *bytes, size_t size)
{
    /* FNV-1a: http://www.isthe.com/chongo/tech/comp/fnv/ */
    uint64_t hash = 0xcbf29ce484222325;
    size_t masked_size;
    char *shown = masked(bytes, size, &masked_size);
    for (size_t i = 0; i < masked_size; i++)
        hash = (hash ^ (unsigned char)shown[i]) * 0x100000001b3;
    fprintf(out, "%zu bytes, %016llx\n", size, (unsigned long long)hash);
    free(shown);
}
