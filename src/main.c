/* main.c - the program's entry; for now a placeholder that the gateway replaces. */
int
main(void)
{
    return 0;
}
