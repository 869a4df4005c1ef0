#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/html.h"
#include "profile/cmocka_all.h"

/* What wp_html_text writes; the caller frees it. */
static char *
escaped(const char *text)
{
    char *result = NULL;
    size_t bytes = 0;
    FILE *stream = open_memstream(&result, &bytes);

    assert_non_null(stream);
    wp_html_text(stream, text);
    assert_int_equal(fclose(stream), 0);
    return result;
}

static void
a_text_stands_for_itself(void **state)
{
    static const char *const texts[][2] = {
        {"", ""},
        {"std::vector<int>::at", "std::vector&lt;int&gt;::at"},
        {"a && b", "a &amp;&amp; b"},
        {"&lt;", "&amp;lt;"},
        {"\"'><script>", "&quot;&#39;&gt;&lt;script&gt;"},
        {"Gr\xc3\xb6\xc3\x9f"
         "e",
         "Gr\xc3\xb6\xc3\x9f"
         "e"},
        {"bad \xff byte", "bad \xef\xbf\xbd byte"},
        {"a\nb\x01", "a?b?"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char *result = escaped(texts[i][0]);

        assert_string_equal(result, texts[i][1]);
        free(result);
    }
}

static void
a_long_text_is_cut_and_whole_characters_stay(void **state)
{
    static char text[40001];
    char *result;

    (void)state;
    for (size_t i = 0; i + 2 < sizeof text; i += 2)
        memcpy(text + i, "\xc3\xb6", 2);
    result = escaped(text);
    assert_in_range(strlen(result), 16000, 16384);
    assert_int_equal(strlen(result) % 2, 0);
    free(result);
}

static void
a_page_needs_nothing_from_elsewhere(void **state)
{
    static const char *const absent[] = {"<script", "src=", "href=", "url(", "@import", "<link"};
    char *page = NULL;
    size_t bytes = 0;
    FILE *stream = open_memstream(&page, &bytes);

    (void)state;
    assert_non_null(stream);
    wp_html_begin(stream, "What <b> says", ".own{color:red}\n");
    wp_html_end(stream);
    assert_int_equal(fclose(stream), 0);
    assert_int_equal(strncmp(page, "<!DOCTYPE html>\n", 16), 0);
    assert_non_null(strstr(page, "<title>What &lt;b&gt; says</title>"));
    assert_non_null(strstr(page, "<h1>What &lt;b&gt; says</h1>"));
    assert_non_null(strstr(page, ".own{color:red}"));
    assert_non_null(strstr(page, "prefers-color-scheme:dark"));
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++)
        assert_null(strstr(page, absent[i]));
    assert_string_equal(page + bytes - strlen("</html>\n"), "</html>\n");
    free(page);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_stands_for_itself),
        cmocka_unit_test(a_long_text_is_cut_and_whole_characters_stay),
        cmocka_unit_test(a_page_needs_nothing_from_elsewhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
